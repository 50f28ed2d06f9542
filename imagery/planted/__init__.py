"""Changes planted into real unlabelled scenes, in raw reflectance: what the network learns from."""
