"""jupyter nbconvert --config notebooks/nbconvert_config.py notebooks/lineage.ipynb: executes it in place.

What differs from one execution to the next without being seen is left out: times of cells, versions of the kernel.
"""
c = get_config()  # noqa: F821: what Jupyter gives to its configurations
c.NbConvertApp.export_format = "notebook"
c.NbConvertApp.use_output_suffix = False
c.FilesWriter.build_directory = ""
c.ExecutePreprocessor.enabled = True
c.ExecutePreprocessor.record_timing = False
c.ExecutePreprocessor.timeout = 600
c.ClearMetadataPreprocessor.enabled = True
c.ClearMetadataPreprocessor.preserve_nb_metadata_mask = {"kernelspec", ("language_info", "name")}
