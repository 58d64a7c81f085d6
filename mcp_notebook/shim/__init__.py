"""Stands between a host and a stdio server: ``python -m mcp_notebook.shim NAME -- COMMAND``.

Standard library only, so that a host starts it at once. It starts COMMAND under the guardian
that children of a notebook have, passes the bytes of standard input, output and error on as they
come, in both directions, and says nothing of its own. A thread beside it copies them to the
notebook that runs ``%mcp tap`` over its private socket. Where that notebook is away or slow the
traffic goes on unhindered: copies wait within a bound, then they are left out, and the notebook
sees how many bytes it has missed.
"""
