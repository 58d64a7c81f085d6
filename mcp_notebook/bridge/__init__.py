"""Joins a host's stdin and stdout to a live notebook: ``python -m mcp_notebook.bridge``.

Standard library only, so that a host starts it in some 50 ms. The notebook listens on a private
Unix socket (``%mcp serve -t bridge``) beside a note that says who it is and holds a token; both are
its user's alone, in a folder of that user's alone, and each end asks the system who the other is.

While the notebook is away each request gets a JSON-RPC error that says what to do, after some
seconds in which it may come back. What was under way when it went gets its error at once: it may
have run, so it is not sent again. When the notebook is back the host goes on. The modern era has
no session to restore; who listens to notices there goes on to hear of them. Of a legacy one
``initialize``, ``notifications/initialized``, the log level and the subscriptions are sent again;
their answers are kept from the host, which is told instead that the lists have changed. With
``--standby`` (``%mcp config --live`` writes it) a host that starts before its notebook gets a
session without tools. Only whole lines pass, so nobody gets half a message.
"""
