"""One file a kind of condition: a kernel that walks the readings in order and reads like the condition's definition."""
