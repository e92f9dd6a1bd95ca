package ui

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestEveryAccentIsReadable(t *testing.T) {
	value := regexp.MustCompile(`--([a-z-]+):(#[0-9a-f]{6})`)
	rapid.Check(t, func(t *rapid.T) {
		accent := color{rapid.Float64Range(0, 1).Draw(t, "r"), rapid.Float64Range(0, 1).Draw(t, "g"), rapid.Float64Range(0, 1).Draw(t, "b")}
		found := value.FindAllStringSubmatch(theme(accent), -1)
		require.Len(t, found, 10)
		for i, card := range []color{cardLight, cardDark} {
			c := map[string]color{}
			for _, m := range found[5*i : 5*i+5] {
				c[m[1]] = mustColor(m[2])
			}
			require.GreaterOrEqual(t, contrast(c["on-accent"], c["accent"]), minContrast)
			require.GreaterOrEqual(t, contrast(c["on-accent"], c["accent-deep"]), minContrast)
			require.GreaterOrEqual(t, contrast(c["accent-ink"], card), minContrast)
			require.GreaterOrEqual(t, contrast(c["accent-ink"], c["accent-tint"]), minContrast)
		}
	})
}

// TestStylesheetContrast holds the stylesheet's own colours to WCAG 2.2 AA.
func TestStylesheetContrast(t *testing.T) {
	palette := regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`)
	found := palette.FindAllStringSubmatch(string(ownStyle), -1)
	half := len(found) / 2
	require.Positive(t, half)
	for _, scheme := range [][][]string{found[:half], found[half:]} {
		c := map[string]color{}
		for _, m := range scheme {
			c[m[1]] = mustColor(m[2])
		}
		for _, pair := range [][2]string{
			{"ink", "card"},
			{"ink", "ground"},
			{"ink", "tint"},
			{"soft", "card"},
			{"soft", "ground"},
			{"soft", "tint"},
			{"bad", "bad-tint"},
			{"warn", "warn-tint"},
			{"good", "good-tint"},
		} {
			require.GreaterOrEqual(t, contrast(c[pair[0]], c[pair[1]]), minContrast, pair)
		}
		require.GreaterOrEqual(t, contrast(c["edge"], c["card"]), 3.0) // §1.4.11
		require.GreaterOrEqual(t, contrast(c["bad"], c["card"]), 3.0)
	}
	require.Equal(t, cardLight, mustColor(found[1][2]))
	require.Equal(t, cardDark, mustColor(found[half+1][2]))
}

func TestParseColor(t *testing.T) {
	c, err := parseColor("#2F55c7")
	require.NoError(t, err)
	require.Equal(t, "#2f55c7", c.String())
	for _, s := range []string{"", "2f55c7", "#2f5", "#2f55c7f", "#2f55c7ff", "#gg55c7", "red;}"} {
		_, err := parseColor(s)
		require.Error(t, err, s)
	}
}
