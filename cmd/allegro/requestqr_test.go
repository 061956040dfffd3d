package main

import (
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAQRCodeIsDrawnAsItIs: every module of the code is in the characters and in the
// picture, and the edge around it is light.
func TestAQRCodeIsDrawnAsItIs(t *testing.T) {
	code, err := qrOf("allegro:0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC?network=" + strings.Repeat("0", 64))
	require.NoError(t, err)
	require.Equal(t, 4*6+17+2*qrEdge, len(code), "version 6 at level L holds up to 134 bytes")
	finder := []string{"#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"}
	for y, want := range finder {
		for x := range want {
			require.Equal(t, want[x] == '#', code[qrEdge+y][qrEdge+x], "finder at %d, %d", x, y)
		}
	}
	for i := range code {
		for edge := range qrEdge {
			require.False(t, code[i][edge] || code[edge][i] || code[i][len(code)-1-edge] || code[len(code)-1-edge][i])
		}
	}

	var drawn qrCode
	for line := range strings.Lines(code.blocks(false)) {
		var upper, lower []bool
		for _, c := range strings.TrimSuffix(line, "\n") {
			upper = append(upper, c == '█' || c == '▀')
			lower = append(lower, c == '█' || c == '▄')
		}
		drawn = append(drawn, upper, lower)
	}
	require.Equal(t, code, drawn[:len(code)])
	require.Contains(t, code.blocks(true), "\x1b[30;107m  ", "black on white")

	path := filepath.Join(t.TempDir(), "code.png")
	require.NoError(t, code.writePNG(path))
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	picture, err := png.Decode(file)
	require.NoError(t, err)
	require.Equal(t, pngScale*len(code), picture.Bounds().Dx())
	for y := range code {
		for x := range code {
			shade, _, _, _ := picture.At(pngScale*x+pngScale/2, pngScale*y+pngScale/2).RGBA()
			require.Equal(t, code[y][x], shade == 0, "module %d, %d", x, y)
		}
	}
}

// TestTheLongestRequestHasAQRCode: what a request may be has room in one.
func TestTheLongestRequestHasAQRCode(t *testing.T) {
	code, err := qrOf(strings.Repeat("a", 2048))
	require.NoError(t, err)
	require.LessOrEqual(t, len(code), 177+2*qrEdge)
}
