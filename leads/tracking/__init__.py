"""From sightings to leads that last: matching, and the fold over dated observations."""
