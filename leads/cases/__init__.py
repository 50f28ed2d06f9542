"""Cases: what an office makes of leads, step by step, with its clocks."""
