"""Many workers on one machine: the file that lists them, who watches them, what else is made of the file."""
