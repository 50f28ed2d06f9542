"""What the models share: types, normals, the training-free score, surfaces and discovery."""
