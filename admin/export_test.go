package admin

// A Route is one that the console serves: * stands for an id.
type Route struct{ Method, Pattern string }

// Routes are all there are, as the router has them.
func (c *Console) Routes() []Route {
	var routes []Route
	for _, rt := range c.routes {
		routes = append(routes, Route{rt.method, rt.pattern})
	}
	return routes
}

// Description is the OpenAPI document.
var Description = description

// Locales are the texts of the package.
var Locales = ownMessages

// IsStrict reports whether a body is read at all.
var IsStrict = isStrict
