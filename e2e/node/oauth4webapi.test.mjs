// oauth4webapi, one function a message of the protocol: strict about every
// member of every answer.
import assert from 'node:assert/strict'
import test from 'node:test'
import * as oauth from 'oauth4webapi'
import { everything, provider, redirectURI, Visitor } from './visitor.mjs'

const issuer = new URL(provider.issuer)
const client = { client_id: provider.client_id }
const auth = oauth.ClientSecretBasic(provider.client_secret)
const insecure = { [oauth.allowInsecureRequests]: true }
const scope = 'openid profile email offline_access'

async function discover(algorithm = 'oidc') {
  const response = await oauth.discoveryRequest(issuer, { algorithm, ...insecure })
  return oauth.processDiscoveryResponse(issuer, response)
}

async function login(as, responseType = 'code', more = {}) {
  const verifier = oauth.generateRandomCodeVerifier()
  const nonce = oauth.generateRandomNonce()
  const state = oauth.generateRandomState()
  const request = new URL(as.authorization_endpoint)
  request.search = new URLSearchParams({
    client_id: client.client_id, redirect_uri: redirectURI, response_type: responseType, scope, state, nonce,
    prompt: 'consent', code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...more,
  })
  const answer = await new Visitor().authorize(request)
  return { answer, verifier, nonce, state }
}

async function redeem(as, params, verifier, nonce) {
  const response = await oauth.authorizationCodeGrantRequest(as, client, auth, params, redirectURI, verifier, insecure)
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce, requireIdToken: true })
  await oauth.validateApplicationLevelSignature(as, response, insecure)
  return tokens
}

async function codeLogin(as) {
  const { answer, verifier, nonce, state } = await login(as)
  return redeem(as, oauth.validateAuthResponse(as, client, answer, state), verifier, nonce)
}

async function introspect(as, token) {
  const response = await oauth.introspectionRequest(as, client, auth, token, insecure)
  return oauth.processIntrospectionResponse(as, client, response)
}

test('both metadata documents', async () => {
  const [oidc, oauth2] = await Promise.all([discover(), discover('oauth2')])
  assert.equal(oidc.authorization_response_iss_parameter_supported, true)
  assert.equal(oauth2.introspection_endpoint, oidc.introspection_endpoint)
})

test('code, userinfo, refresh, introspection, revocation', async () => {
  const as = await discover()
  const tokens = await codeLogin(as)
  const { sub } = oauth.getValidatedIdTokenClaims(tokens)
  const info = await oauth.processUserInfoResponse(as, client, sub,
    await oauth.userInfoRequest(as, client, tokens.access_token, insecure))
  assert.ok(info.email)

  const fresh = await oauth.processRefreshTokenResponse(as, client,
    await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, insecure))
  assert.equal((await introspect(as, fresh.access_token)).active, true)

  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, fresh.refresh_token, insecure))
  assert.deepEqual(await introspect(as, fresh.access_token), { active: false })
  const refused = await oauth.userInfoRequest(as, client, fresh.access_token, insecure)
  assert.equal(refused.status, 401)
  assert.match(refused.headers.get('www-authenticate'), /invalid_token/)
})

test('an error is answered with state and iss', async () => {
  const as = await discover()
  const { answer, state } = await login(as, 'code', { prompt: 'none' })
  assert.throws(() => oauth.validateAuthResponse(as, client, answer, state), { error: 'login_required' })
  assert.equal(answer.searchParams.get('iss'), provider.issuer)
})

test('client credentials', async () => {
  const as = await discover()
  const response = await oauth.clientCredentialsGrantRequest(as, client, auth, new URLSearchParams(), insecure)
  const tokens = await oauth.processClientCredentialsResponse(as, client, response)
  assert.equal(tokens.refresh_token, undefined)
})

test('device', async () => {
  const as = await discover()
  const params = new URLSearchParams({ scope: 'openid' })
  const device = await oauth.processDeviceAuthorizationResponse(as, client,
    await oauth.deviceAuthorizationRequest(as, client, auth, params, insecure))
  const poll = async () => oauth.processDeviceCodeResponse(as, client,
    await oauth.deviceCodeGrantRequest(as, client, auth, device.device_code, insecure))
  await assert.rejects(poll(), { error: 'authorization_pending' })

  await new Visitor().confirmDevice(device.verification_uri, device.user_code)
  await new Promise((resolve) => setTimeout(resolve, (device.interval ?? 5) * 1000 + 100))
  const tokens = await poll()
  assert.ok(oauth.getValidatedIdTokenClaims(tokens).sub)
})

if (everything) {
  test('hybrid: code id_token, by fragment and by form_post', async () => {
    const as = await discover()
    for (const more of [{}, { response_mode: 'form_post' }]) {
      const { answer, verifier, nonce, state } = await login(as, 'code id_token', more)
      const params = await oauth.validateCodeIdTokenResponse(as, client, answer, nonce, state, undefined, insecure)
      const tokens = await redeem(as, params, verifier, nonce)
      assert.ok(tokens.access_token)
    }
  })

  test('client_secret_post', async () => {
    const as = await discover()
    const response = await oauth.clientCredentialsGrantRequest(as, { client_id: 'post' },
      oauth.ClientSecretPost(provider.client_secret), new URLSearchParams(), insecure)
    assert.ok((await oauth.processClientCredentialsResponse(as, { client_id: 'post' }, response)).access_token)
  })
}
