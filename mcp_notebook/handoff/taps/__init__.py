"""Taps: between a real host and a real server, so that their traffic shows in the notebook.

The vantage of what they record is ``relay``. Bodies, lines and events pass byte for byte; what
must change on the way (the Host header, for one) is listed.
"""
