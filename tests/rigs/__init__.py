"""What tests stand on: real kernels, a real JupyterLab with a browser, a census of leaks."""
