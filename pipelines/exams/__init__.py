"""What a method is worth on real ground: each module is one measurement, all of them made through the ordinary scan."""
