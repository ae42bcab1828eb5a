"""What changes when dose or timing change: scenarios on a delivered plan, and what is refused."""
