"""What a lead and the ground around it looked like on every date, and when it broke."""
