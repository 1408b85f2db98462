ok:
	node_modules/.bin/tsc -p . && node_modules/.bin/biome check
