"""How a layer comes into the house: read as offices write it, judged row by row, kept checked and indexed."""
