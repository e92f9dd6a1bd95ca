package ui

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
)

// A color is red, green and blue, each 0 to 1, in sRGB.
type color [3]float64

var (
	white       = color{1, 1, 1}
	black       = color{0, 0, 0}
	cardLight   = mustColor("#ffffff") // --card of style.css
	cardDark    = mustColor("#191c22")
	defaultTint = mustColor("#2f55c7")
)

// minContrast is what WCAG 2.2 AA wants between text and its ground (§1.4.3).
const minContrast = 4.5

// parseColor reads #rrggbb.
func parseColor(s string) (color, error) {
	digits, ok := strings.CutPrefix(s, "#")
	b, err := hex.DecodeString(digits)
	if !ok || err != nil || len(b) != 3 {
		return color{}, errors.New("want #rrggbb")
	}
	return color{float64(b[0]) / 255, float64(b[1]) / 255, float64(b[2]) / 255}, nil
}

func mustColor(s string) color {
	c, err := parseColor(s)
	if err != nil {
		panic("ui: " + err.Error())
	}
	return c
}

// String writes #rrggbb.
func (c color) String() string {
	b := func(v float64) int { return int(math.Round(v * 255)) }
	return fmt.Sprintf("#%02x%02x%02x", b(c[0]), b(c[1]), b(c[2]))
}

// mix is c with a part of another colour in it.
func (c color) mix(other color, part float64) color {
	for i := range c {
		c[i] += (other[i] - c[i]) * part
	}
	return c
}

// luminance is the relative luminance of WCAG 2.2.
func (c color) luminance() float64 {
	linear := func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast is the contrast ratio of WCAG 2.2, 1 to 21.
func contrast(a, b color) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// against is c, moved towards another colour until it can be read on every
// one of the grounds.
func (c color) against(towards color, grounds ...color) color {
	for part := 0.0; part < 1; part += 0.04 {
		if shade := c.mix(towards, part); shade.readableOn(grounds) {
			return shade
		}
	}
	return towards
}

func (c color) readableOn(grounds []color) bool {
	for _, g := range grounds {
		if contrast(c, g) < minContrast+0.1 { // room for rounding to #rrggbb
			return false
		}
	}
	return true
}

// theme is the part of the stylesheet that depends on the accent colour.
func theme(accent color) string {
	on, deeper := white, black
	if contrast(accent, black) > contrast(accent, white) {
		on, deeper = black, white
	}
	rule := func(card, towards color, tint float64) string {
		soft := card.mix(accent, tint)
		return fmt.Sprintf(":root{--accent:%v;--accent-deep:%v;--on-accent:%v;--accent-tint:%v;--accent-ink:%v}",
			accent, accent.mix(deeper, 0.15), on, soft, accent.against(towards, card, soft))
	}
	return rule(cardLight, black, 0.1) +
		"@media (prefers-color-scheme:dark){" + rule(cardDark, white, 0.22) + "}\n"
}
