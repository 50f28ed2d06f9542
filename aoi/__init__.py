"""WHERE: areas of interest, statutory layers and the analysis grid."""
