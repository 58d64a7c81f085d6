"""What a transport can do, checked one by one, with the reason of each hole."""
