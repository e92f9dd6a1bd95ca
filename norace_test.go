//go:build !race

package authserver_test

// raceDetector says that everything takes ten times as long.
const raceDetector = false
