"""Opens a project in real QGIS, draws it, reviews its lead, and prints what it saw as JSON; run by test_qgis.py.

Arguments: the folder of results, a folder for pictures, and points of the project's CRS as JSON.
"""

import json
import sys

from qgis.core import (
    QgsApplication,
    QgsFieldConstraints,
    QgsLayerTreeModel,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsVectorLayer,
    QgsVectorLayerUtils,
)
from qgis.PyQt.QtCore import QSize

RESULTS, PICTURES, POINTS = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
VERDICT = {"status": "rejected", "reason": "mowing", "reviewer": "王检", "remark": "打草场\n现场已看"}


def kind_of(layer):
    """The layer's kind: the first part of its id."""
    return layer.id().split("_")[0]


def describe(project, layers, said):
    tree, themes = project.layerTreeRoot(), project.mapThemeCollection()
    said["valid"] = {kind: layer.isValid() for kind, layer in layers.items()}
    said["names"] = {kind: layer.name() for kind, layer in layers.items()}
    said["crs"] = project.crs().authid()
    said["shown"] = [kind_of(layer) for layer in tree.checkedLayers()]
    said["order"] = [kind_of(layer) for layer in tree.layerOrder()]
    said["themes"] = {
        name: {kind_of(record.layer()): record.currentStyle for record in themes.mapThemeState(name).layerRecords()}
        for name in themes.mapThemes()
    }


def render(project, said, name, theme="", hidden=()):
    tree = project.layerTreeRoot()
    if theme:
        project.mapThemeCollection().applyTheme(theme, tree, QgsLayerTreeModel(tree))
    settings = QgsMapSettings()
    settings.setOutputSize(QSize(800, 600))
    settings.setDestinationCrs(project.crs())
    settings.setTransformContext(project.transformContext())
    settings.setBackgroundColor(project.backgroundColor())
    settings.setExtent(project.viewSettings().defaultViewExtent())
    settings.setLayers([layer for layer in tree.checkedLayers() if kind_of(layer) not in hidden])
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(f"{PICTURES}/{name}.png")
    said["errors"] = said.get("errors", []) + [error.message for error in job.errors()]
    places = {key: settings.mapToPixel().transform(*point) for key, point in POINTS.items()}
    said["to_pixel"] = {key: [place.x(), place.y()] for key, place in places.items()}


def describe_form(leads, said):
    fields, form = leads.fields(), leads.editFormConfig()
    setups = {field.name(): leads.editorWidgetSetup(index) for index, field in enumerate(fields)}
    reason = fields.indexOf("reason")
    said["labels"] = leads.labelsEnabled()
    said["aliases"] = {field.name(): field.alias() for field in fields}
    said["widgets"] = {name: [setup.type(), setup.config()] for name, setup in setups.items()}
    said["read_only"] = {field.name(): form.readOnly(index) for index, field in enumerate(fields)}
    said["tabs"] = [tab.name() for tab in form.tabs()]
    said["expression"] = leads.constraintExpression(reason)
    strength = fields.at(reason).constraints().constraintStrength(QgsFieldConstraints.ConstraintExpression)
    said["strength"] = int(strength)


def describe_alone(said):
    """The layers opened without the project."""
    alone = QgsVectorLayer(f"{RESULTS}/leads.gpkg|layername=leads", "alone", "ogr")
    index = alone.fields().indexOf("status")
    said["alone"] = [
        alone.renderer().type(),
        alone.labelsEnabled(),
        alone.editorWidgetSetup(index).type(),
        alone.fields()[index].alias(),
        alone.constraintExpression(alone.fields().indexOf("reason")),
        alone.editFormConfig().readOnly(1),
    ]
    cover = QgsVectorLayer(f"{RESULTS}/leads.gpkg|layername=coverage", "alone", "ogr")
    said["alone_coverage"] = [rule.label() for rule in cover.renderer().rootRule().children()]


def review(leads, said):
    reason = leads.fields().indexOf("reason")
    feature = next(leads.getFeatures())
    feature["status"], feature["reason"] = "rejected", None
    said["refused"] = QgsVectorLayerUtils.validateAttribute(leads, feature, reason)[0]
    feature["reason"] = "mowing"
    said["accepted"] = QgsVectorLayerUtils.validateAttribute(leads, feature, reason)[0]
    said["started"] = leads.startEditing()
    for name, value in VERDICT.items():
        leads.changeAttributeValue(feature.id(), leads.fields().indexOf(name), value)
    said["committed"] = leads.commitChanges()


def look():
    project, said = QgsProject.instance(), {}
    said["read"] = project.read(f"{RESULTS}/leads.qgz")
    layers = {kind_of(layer): layer for layer in project.mapLayers().values()}
    describe(project, layers, said)
    render(project, said, "after")
    render(project, said, "ground", hidden=("leads", "coverage"))
    render(project, said, "before", "前时相 before", ("leads", "coverage"))
    render(project, said, "false", "假彩色 false colour", ("leads", "coverage"))
    describe_form(layers["leads"], said)
    describe_alone(said)
    review(layers["leads"], said)
    print("JSON" + json.dumps(said, ensure_ascii=False))


app = QgsApplication([], False)
app.initQgis()
look()  # in a function, so that no reference to a layer outlives the project: QGIS would crash on the way out
QgsProject.instance().clear()
app.exitQgis()
