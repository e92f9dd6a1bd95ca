// An end user with a browser that has no scripts: it follows redirects, logs in
// where it is asked to, and agrees.

const maxSteps = 12

/** What the Go test says of the server. */
export const provider = JSON.parse(process.env.E2E_PROVIDER)
export const everything = process.env.E2E_SERVER === 'everything'
export const redirectURI = 'http://127.0.0.1:9999/callback'

export class Visitor {
  #cookies = new Map()

  /**
   * Goes from an authorization request to its answer: the URL that the browser
   * is sent to, or the Request that a form_post page makes it send.
   */
  async authorize(request) {
    let page = await this.#open(request)
    for (let i = 0; i < maxSteps; i++) {
      if (page.location?.href.startsWith(redirectURI)) return page.location
      const form = page.forms.find((f) => f.action === redirectURI)
      if (form) return new Request(redirectURI, { method: 'POST', body: new URLSearchParams(form.values) })
      page = await this.#next(page)
    }
    throw new Error('too many pages before an answer')
  }

  /** Enters a user code and agrees. */
  async confirmDevice(verificationURI, userCode) {
    let page = await this.#open(verificationURI)
    for (let i = 0; i < maxSteps; i++) {
      if (page.text.includes('id="device-done"')) return
      const entry = page.forms.find((f) => f.ids.has('user-code'))
      if (entry) {
        entry.values[entry.ids.get('user-code').name] = userCode
        page = await this.#submit(entry)
      } else {
        page = await this.#next(page)
      }
    }
    throw new Error('too many pages before the device was confirmed')
  }

  async #next(page) {
    if (page.location) return this.#open(page.location)
    const login = page.forms.find((f) => f.ids.has('password'))
    if (login) {
      login.values[login.ids.get('username').name] = provider.user
      login.values[login.ids.get('password').name] = provider.password
      login.press('login-submit')
      return this.#submit(login)
    }
    for (const id of wanted) {
      const form = page.forms.find((f) => f.ids.has(id))
      if (!form) continue
      form.press(id)
      return this.#submit(form)
    }
    throw new Error(`a page that asks for nothing: ${page.status} ${page.text}`)
  }

  #submit(form) {
    return this.#open(form.action, {
      method: 'POST',
      body: new URLSearchParams(form.values),
      headers: { origin: new URL(form.action).origin, 'sec-fetch-site': 'same-origin' },
    })
  }

  async #open(address, init = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(address, {
      ...init,
      redirect: 'manual',
      headers: { ...init.headers, ...(cookie && { cookie }) },
    })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    const location = response.headers.get('location')
    const text = await response.text()
    return {
      status: response.status,
      text,
      location: location ? new URL(location, address) : undefined,
      forms: forms(text, address),
    }
  }

  #keep(line) {
    const [pair] = line.split(';', 1)
    const at = pair.indexOf('=')
    if (/;\s*max-age=(0|-)/i.test(line)) this.#cookies.delete(pair.slice(0, at))
    else this.#cookies.set(pair.slice(0, at), pair.slice(at + 1))
  }
}

// The buttons that agree.
const wanted = ['consent-approve', 'device-approve']

/** The forms of a page that our own server wrote: enough of HTML for those. */
function forms(text, address) {
  return [...text.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gis)].map(([, own, inside]) => {
    const form = { action: new URL(attributes(own).action ?? '', address).href, values: {}, ids: new Map() }
    form.press = (id) => {
      const { name, value } = form.ids.get(id) ?? {}
      if (name) form.values[name] = value
    }
    for (const [, tag, rest] of inside.matchAll(/<(input|button)\b([^>]*)>/gis)) {
      const field = attributes(rest)
      if (field.id) form.ids.set(field.id, field)
      const chosen = !['checkbox', 'radio'].includes(field.type) || 'checked' in field
      if (tag.toLowerCase() === 'input' && field.name && field.type !== 'submit' && chosen) {
        form.values[field.name] = field.value ?? ''
      }
    }
    return form
  })
}

function attributes(text) {
  const all = {}
  for (const [, name, quoted, single, bare] of text.matchAll(/([\w:-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)) {
    all[name.toLowerCase()] = unescape(quoted ?? single ?? bare ?? '')
  }
  return all
}

const entities = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescape(text) {
  return text.replace(/&(#x?[\da-f]+|\w+);/gi, (whole, name) => {
    if (name[0] !== '#') return entities[name] ?? whole
    return String.fromCodePoint(name[1] === 'x' ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10))
  })
}
