/* Draws a bar chart as a PNG: chart FILE WIDTH HEIGHT */
#include <png.h>
#include <stdio.h>
#include <stdlib.h>

static void
draw_row(png_bytep row, int y, int width, int height)
{
	int x, bar, top;

	for (x = 0; x < width; x++) {
		bar = x * 8 / width;
		top = height - (bar + 1) * height / 9;
		row[3 * x] = y < top ? 255 : 40;
		row[3 * x + 1] = y < top ? 255 : (png_byte)(60 + bar * 20);
		row[3 * x + 2] = y < top ? 255 : 160;
	}
}

int
main(int argc, char *argv[])
{
	int y, width, height;
	png_structp png;
	png_infop info;
	png_bytep row;
	FILE *f;

	if (argc != 4)
		return 2;
	width = (int)strtol(argv[2], NULL, 10);
	height = (int)strtol(argv[3], NULL, 10);
	f = fopen(argv[1], "wb");
	png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	info = png ? png_create_info_struct(png) : NULL;
	row = malloc(3 * (size_t)width);
	if (!f || !info || !row || setjmp(png_jmpbuf(png))) {
		fprintf(stderr, "chart: %s can't be written\n", argv[1]);
		return 1;
	}
	png_init_io(png, f);
	png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8,
	    PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
	    PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	for (y = 0; y < height; y++) {
		draw_row(row, y, width, height);
		png_write_row(png, row);
	}
	png_write_end(png, info);
	png_destroy_write_struct(&png, &info);
	free(row);
	printf(
	    "libpng %s, zlib inside, %s\n", png_get_libpng_ver(NULL), argv[1]);
	return fclose(f) == 0 ? 0 : 1;
}
