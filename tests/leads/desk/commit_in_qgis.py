"""Keeps an inbox open in real QGIS and saves one lead after another; run by test_beside_a_night.py.

Arguments: the project, and how many leads. Prints a line for each commit: the lead's id and whether QGIS took it.
"""

import sys
import time

from qgis.core import QgsApplication, QgsGeometry, QgsProject

PROJECT, COUNT = sys.argv[1], int(sys.argv[2])


def work():
    project = QgsProject.instance()
    assert project.read(PROJECT)
    layers = {layer.id().split("_")[0]: layer for layer in project.mapLayers().values()}
    leads, outlines = layers["leads"], layers["outlines"]
    shapes = {one["lead_id"]: one.id() for one in outlines.getFeatures()}
    for number, feature in enumerate(list(leads.getFeatures())[:COUNT]):
        leads.startEditing()
        for name, value in (("status", "confirmed"), ("reviewer", "王检"), ("remark", f"第{number}条")):
            leads.changeAttributeValue(feature.id(), leads.fields().indexOf(name), value)
        taken = leads.commitChanges()
        if number % 3 == 0:
            outlines.startEditing()
            shape = QgsGeometry(outlines.getFeature(shapes[feature["lead_id"]]).geometry())
            start = shape.vertexAt(0)
            outlines.moveVertex(start.x() + 0.0002, start.y() + 0.0001, shapes[feature["lead_id"]], 0)
            taken = outlines.commitChanges() and taken
        print(feature["lead_id"], taken, flush=True)
        time.sleep(0.2)


app = QgsApplication([], False)
app.initQgis()
work()
QgsProject.instance().clear()
app.exitQgis()
