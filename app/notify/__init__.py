"""Messages out of the house: what the outbox holds is sent, again and again until it is taken; and the heartbeat."""
