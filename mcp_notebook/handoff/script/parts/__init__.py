"""What an exported server is given beside the notebook's own source.

Each module is ordinary code, checked and tested as such; its text below the imports is copied
into ``server.py`` as it stands. So a module uses nothing of this package except other parts.
"""
