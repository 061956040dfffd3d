package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"strings"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/urfave/cli/v3"
	"github.com/yeqown/go-qrcode/v2"
	"golang.org/x/term"
)

// qrFlag asks for the QR code.
func qrFlag() cli.Flag {
	return &cli.BoolFlag{Name: "qr", Usage: "draw the QR code; by default on a terminal that is wide enough", Local: true}
}

// pngFlag asks for the QR code as a picture.
func pngFlag() cli.Flag {
	return &cli.StringFlag{Name: "png", Usage: "write the QR code to `FILE` as a PNG picture", Local: true}
}

// qrCode is a QR code, true where it is dark, with the light edge that readers need.
type qrCode [][]bool

const (
	qrEdge   = 4 // modules, of ISO/IEC 18004
	pngScale = 8 // pixels per module
)

// qrOf encodes a text. Of the levels of error correction it takes the lowest: on a screen
// nothing is scratched, and a larger code is harder to read.
func qrOf(text string) (qrCode, error) {
	made, err := qrcode.NewWith(text, qrcode.WithEncodingMode(qrcode.EncModeByte), qrcode.WithErrorCorrectionLevel(qrcode.ErrorCorrectionLow))
	if err != nil {
		return nil, err
	}
	var taken qrMatrix
	if err := made.Save(&taken); err != nil {
		return nil, err
	}
	code := make(qrCode, len(taken)+2*qrEdge)
	for y := range code {
		code[y] = make([]bool, len(code))
	}
	for y, row := range taken {
		copy(code[y+qrEdge][qrEdge:], row)
	}
	return code, nil
}

// qrMatrix takes what the library draws.
type qrMatrix [][]bool

func (m *qrMatrix) Write(mat qrcode.Matrix) error {
	*m = mat.Bitmap()
	return nil
}

func (m *qrMatrix) Close() error { return nil }

// print draws the code if it is wanted: see qrFlag.
func (q qrCode) print(cmd *cli.Command) error {
	out, isFile := cmd.Root().Writer.(*os.File)
	onTerminal := isFile && term.IsTerminal(int(out.Fd()))
	if !cmd.Bool("qr") && (cmd.IsSet("qr") || !onTerminal) {
		return nil
	}
	if onTerminal && !cmd.IsSet("qr") {
		width, _, err := term.GetSize(int(out.Fd()))
		if err != nil {
			return fail(exitInternal, "asking the terminal for its width: %w", err)
		}
		if 0 < width && width < len(q) { // 0: the terminal does not say
			note(cmd, "the QR code needs %d columns, this terminal has %d: allegro request show draws it on a wider one, or --png FILE as a picture", len(q), width)
			return nil
		}
	}
	say(cmd.Root().Writer, "%s", q.blocks(onTerminal))
	return nil
}

// blocks draws the code with two modules in a character, one above the other: black on
// white whatever a terminal's colours are, or as text.
func (q qrCode) blocks(colours bool) string {
	var b strings.Builder
	for y := 0; y < len(q); y += 2 {
		if colours {
			b.WriteString("\x1b[30;107m")
		}
		for x := range q[y] {
			upper, lower := q[y][x], y+1 < len(q) && q[y+1][x]
			switch {
			case upper && lower:
				b.WriteRune('█')
			case upper:
				b.WriteRune('▀')
			case lower:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		if colours {
			b.WriteString("\x1b[0m")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// writePNG writes the code as a picture.
func (q qrCode) writePNG(path string) error {
	picture := image.NewPaletted(image.Rect(0, 0, pngScale*len(q), pngScale*len(q)), color.Palette{color.White, color.Black})
	for y := range picture.Rect.Dy() {
		for x := range picture.Rect.Dx() {
			if q[y/pngScale][x/pngScale] {
				picture.SetColorIndex(x, y, 1)
			}
		}
	}
	var data bytes.Buffer
	if err := png.Encode(&data, picture); err != nil {
		return err
	}
	return home.WriteFile(path, data.Bytes(), 0o644)
}
