"""How people prove who they are: passwords, second factor, sessions, and what slows down those who guess."""
