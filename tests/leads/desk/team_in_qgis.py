"""Judges a lead of a team's desk in real QGIS, twice: fresh, and after somebody else was quicker.

Arguments: the project, and the SQL that somebody else runs meanwhile. Prints what it saw as JSON.
"""

import json
import subprocess
import sys

from qgis.core import QgsApplication, QgsProject

PROJECT, MEANWHILE = sys.argv[1], json.loads(sys.argv[2])


def judge(layer, feature, remark, move=False):
    layer.startEditing()
    values = {layer.fields().indexOf("status"): "confirmed", layer.fields().indexOf("remark"): remark}
    layer.changeAttributeValues(feature.id(), values)
    if move:
        start = feature.geometry().vertexAt(0)
        layer.moveVertex(start.x() + 0.0003, start.y() + 0.0002, feature.id(), 0)
    taken = layer.commitChanges()
    said = "; ".join(layer.commitErrors())
    layer.rollBack()
    return taken, said


def work():
    project, said = QgsProject.instance(), {}
    said["read"] = project.read(PROJECT)
    layers = {layer.id().split("_")[0]: layer for layer in project.mapLayers().values()}
    said["valid"] = {kind: layer.isValid() for kind, layer in layers.items()}
    said["editable"] = sorted(kind for kind, layer in layers.items() if layer.type() == 0 and not layer.readOnly())
    review = layers["review"]
    shown = list(review.getFeatures())
    said["lead"] = shown[0]["lead_id"]
    said["fresh"] = judge(review, shown[0], "现场已看", move=True)
    said["other"] = shown[1]["lead_id"]
    subprocess.run(
        [*MEANWHILE, f"UPDATE desk.leads SET status = 'known' WHERE lead_id = '{shown[1]['lead_id']}'"], check=True
    )
    said["stale"] = judge(review, shown[1], "晚了")
    review.reload()
    again = next(one for one in review.getFeatures() if one["lead_id"] == shown[1]["lead_id"])
    said["reloaded"] = judge(review, again, "再看")
    print("JSON" + json.dumps(said, ensure_ascii=False, default=str))


app = QgsApplication([], False)
app.initQgis()
work()
QgsProject.instance().clear()
app.exitQgis()
