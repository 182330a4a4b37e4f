"""results/ on disk: folders, manifests, journals, images."""
