"""REPORTED: patches, findings and leads; GeoPackage, QGIS project and quicklooks."""
