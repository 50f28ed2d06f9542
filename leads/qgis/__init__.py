"""Leads as QGIS shows them: styles, forms and projects, written without QGIS."""
