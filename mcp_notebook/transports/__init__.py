"""How bytes move. One file a transport, client side and server side together."""
