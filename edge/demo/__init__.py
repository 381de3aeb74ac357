"""The main job with nothing to install: a drawn road, the pipeline, a broker, three subscribers and an opt-out."""
