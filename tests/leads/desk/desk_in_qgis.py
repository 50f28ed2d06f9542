"""Works an inbox in real QGIS as an analyst does, and prints what it saw as JSON; run by test_inbox_in_qgis.py.

Arguments: the project, a folder for pictures, and what to do as JSON: the lead, the verdict, the points to look at.
"""

import json
import sys

from qgis.core import (
    QgsApplication,
    QgsGeometry,
    QgsLayerTreeModel,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsPointXY,
    QgsProject,
    QgsVectorLayerUtils,
)
from qgis.gui import QgsAttributeForm, QgsDualView, QgsGui, QgsLayerTreeView, QgsMapCanvas
from qgis.PyQt.QtCore import QEvent, QSize, Qt
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtWidgets import QDialogButtonBox, QListView, QToolButton

PROJECT, PICTURES, TASK = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])


def kind_of(layer):
    """The layer's kind: the first part of its id."""
    return layer.id().split("_")[0]


def render(project, said, name):
    tree = project.layerTreeRoot()
    settings = QgsMapSettings()
    settings.setOutputSize(QSize(900, 675))
    settings.setDestinationCrs(project.crs())
    settings.setBackgroundColor(project.backgroundColor())
    settings.setTransformContext(project.transformContext())
    settings.setExtent(project.viewSettings().defaultViewExtent())
    settings.setLayers([layer for layer in tree.layerOrder() if layer in tree.checkedLayers()])
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(f"{PICTURES}/{name}.png")
    said["errors"] = said.get("errors", []) + [error.message for error in job.errors()]
    places = {key: settings.mapToPixel().transform(*point) for key, point in TASK["points"].items()}
    said["to_pixel"] = {key: [place.x(), place.y()] for key, place in places.items()}


def group(project, start):
    return next(one for one in project.layerTreeRoot().findGroups() if one.name().startswith(start))


def swap(project, said):
    """The space bar in the layer panel, once and again."""
    view = QgsLayerTreeView()
    model = QgsLayerTreeModel(project.layerTreeRoot())
    model.setFlag(QgsLayerTreeModel.AllowNodeChangeVisibility)
    view.setModel(model)
    for start, name in (("前时相 before", "before"), ("假彩色 false", "false")):
        view.setCurrentIndex(view.node2index(group(project, start)))
        for turn in (name, f"after_{name}"):
            view.keyPressEvent(QKeyEvent(QEvent.KeyPress, Qt.Key_Space, Qt.NoModifier))
            render(project, said, turn)


def themes(project, said):
    tree, collection = project.layerTreeRoot(), project.mapThemeCollection()
    said["themes"] = collection.mapThemes()
    for number, name in enumerate(collection.mapThemes()):
        collection.applyTheme(name, tree, QgsLayerTreeModel(tree))
        render(project, said, f"theme{number}")
    collection.applyTheme("后时相 after", tree, QgsLayerTreeModel(tree))


def walk(leads, said):
    """The list beside the form, from lead to lead with the button 'next'."""
    canvas = QgsMapCanvas()
    QgsGui.editorWidgetRegistry().initEditors(canvas)  # the application does this itself
    view = QgsDualView()
    view.init(leads, canvas)
    view.setView(QgsDualView.AttributeEditor)
    shown = next(one for one in view.findChildren(QListView) if one.metaObject().className() == "QgsFeatureListView")
    rows = shown.model()
    said["listed"] = [rows.index(row, 0).data() for row in range(rows.rowCount())]
    said["walked"] = []
    shown.currentEditSelectionChanged.connect(lambda feature: said["walked"].append(feature["lead_id"]))
    said["zooms"] = view.findChild(QToolButton, "mAutoZoomButton") is not None
    for _ in range(leads.featureCount()):
        view.findChild(QToolButton, "mNextFeatureButton").click()
        QgsApplication.processEvents()


def describe(project, layers, said):
    leads, outlines = layers["leads"], layers["outlines"]
    said["valid"] = {kind: layer.isValid() for kind, layer in layers.items()}
    said["editable"] = sorted(kind for kind, layer in layers.items() if layer.type() == 0 and not layer.readOnly())
    fields = leads.fields()
    said["aliases"] = {field.name(): field.alias() for field in fields}
    said["widgets"] = {field.name(): leads.editorWidgetSetup(i).type() for i, field in enumerate(fields)}
    said["closed"] = [field.name() for i, field in enumerate(fields) if leads.editFormConfig().readOnly(i)]
    said["outline_widgets"] = {
        field.name(): outlines.editorWidgetSetup(i).type() for i, field in enumerate(outlines.fields())
    }
    said["groups"] = [one.name() for one in project.layerTreeRoot().findGroups()]
    said["bookmarks"] = [mark.name() for mark in project.bookmarkManager().bookmarks()]
    said["crs"] = project.crs().authid()


def feature_of(layer, lead_id):
    return next(one for one in layer.getFeatures() if one["lead_id"] == lead_id)


def review(leads, said):
    """Through the form, as it stands on the screen: its button OK says whether it may be saved."""
    leads.startEditing()
    form = QgsAttributeForm(leads, feature_of(leads, TASK["lead"]))
    form.show()
    said["may_save"] = []
    button = form.findChild(QDialogButtonBox).button(QDialogButtonBox.Ok)
    for name, value in TASK["verdict"]:
        form.changeAttribute(name, value)
        QgsApplication.processEvents()
        said["may_save"].append(button.isEnabled())
    said["saved"] = form.save()
    form.close()
    said["leads_committed"] = leads.commitChanges()


def draw(outlines, said):
    """A vertex of one outline moved, and a part drawn anew."""
    outlines.startEditing()
    feature = feature_of(outlines, TASK["lead"])
    geometry = QgsGeometry(feature.geometry())
    start = geometry.vertexAt(TASK["vertex"])
    moved = outlines.moveVertex(start.x() + TASK["by"][0], start.y() + TASK["by"][1], feature.id(), TASK["vertex"])
    ring = [QgsPointXY(*point) for point in TASK["part"]]
    made = QgsVectorLayerUtils.createFeature(outlines, QgsGeometry.fromMultiPolygonXY([[ring]]))
    said["part_belongs_to"] = [made["lead_id"], made["base_version"]]
    outlines.addFeature(made)
    said["moved"] = int(moved)
    said["outlines_committed"] = outlines.commitChanges()


def work():
    project, said = QgsProject.instance(), {}
    said["read"] = project.read(PROJECT)
    layers = {kind_of(layer): layer for layer in project.mapLayers().values()}
    describe(project, layers, said)
    render(project, said, "after")
    swap(project, said)
    themes(project, said)
    walk(layers["leads"], said)
    draw(layers["outlines"], said)
    review(layers["leads"], said)
    render(project, said, "worked")
    print("JSON" + json.dumps(said, ensure_ascii=False, default=str))


app = QgsApplication([], True)
app.initQgis()
work()  # in a function, so that no reference to a layer outlives the project: QGIS would crash on the way out
QgsProject.instance().clear()
app.exitQgis()
