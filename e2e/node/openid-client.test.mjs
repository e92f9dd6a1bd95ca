// openid-client, the certified relying party: every flow that it has and the
// server offers.
import assert from 'node:assert/strict'
import test from 'node:test'
import * as client from 'openid-client'
import { everything, provider, redirectURI, Visitor } from './visitor.mjs'

const scope = 'openid profile email offline_access'

function discover(how = {}, ...extra) {
  return client.discovery(new URL(provider.issuer), provider.client_id, undefined,
    client.ClientSecretBasic(provider.client_secret),
    { ...how, execute: [client.allowInsecureRequests, ...extra] })
}

async function login(config, more = {}) {
  const verifier = client.randomPKCECodeVerifier()
  const checks = {
    pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce(), idTokenExpected: true,
  }
  const request = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectURI, scope, prompt: 'consent',
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    state: checks.expectedState, nonce: checks.expectedNonce, ...more,
  })
  return client.authorizationCodeGrant(config, await new Visitor().authorize(request), checks)
}

test('discovery by RFC 8414 is of the same server', async () => {
  const [oidc, oauth2] = await Promise.all([discover(), discover({ algorithm: 'oauth2' })])
  assert.equal(oauth2.serverMetadata().token_endpoint, oidc.serverMetadata().token_endpoint)
  assert.deepEqual(oauth2.serverMetadata().code_challenge_methods_supported, ['S256'])
})

test('code, userinfo, refresh, introspection, revocation', async () => {
  const config = await discover({}, client.enableNonRepudiationChecks)
  const tokens = await login(config)
  const claims = tokens.claims()
  const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
  assert.equal(info.sub, claims.sub)
  assert.ok(info.email)

  const fresh = await client.refreshTokenGrant(config, tokens.refresh_token)
  assert.notEqual(fresh.access_token, tokens.access_token)
  const live = await client.tokenIntrospection(config, fresh.access_token)
  assert.equal(live.active, true)
  assert.equal(live.sub, claims.sub)
  assert.equal(live.client_id, provider.client_id)

  await client.tokenRevocation(config, fresh.refresh_token)
  assert.equal((await client.tokenIntrospection(config, fresh.access_token)).active, false)
  await assert.rejects(client.refreshTokenGrant(config, fresh.refresh_token), { error: 'invalid_grant' })
})

test('code by form_post', async () => {
  const tokens = await login(await discover(), { response_mode: 'form_post' })
  assert.ok(tokens.claims().sub)
})

test('client credentials', async () => {
  const tokens = await client.clientCredentialsGrant(await discover())
  assert.equal(tokens.token_type, 'bearer')
  assert.equal(tokens.refresh_token, undefined)
})

test('device', async () => {
  const config = await discover()
  const device = await client.initiateDeviceAuthorization(config, { scope: 'openid' })
  await new Visitor().confirmDevice(device.verification_uri_complete, device.user_code)
  const tokens = await client.pollDeviceAuthorizationGrant(config, device)
  assert.ok(tokens.claims().sub)
})

if (everything) {
  test('hybrid: code id_token', async () => {
    const config = await discover({}, client.useCodeIdTokenResponseType)
    for (const mode of [undefined, 'form_post']) {
      const tokens = await login(config, mode && { response_mode: mode })
      assert.ok(tokens.claims().sub)
    }
  })

  test('implicit: id_token', async () => {
    const config = await discover({}, client.useIdTokenResponseType)
    const nonce = client.randomNonce()
    const state = client.randomState()
    const request = client.buildAuthorizationUrl(config, { redirect_uri: redirectURI, scope: 'openid', nonce, state })
    const answer = await new Visitor().authorize(request)
    const claims = await client.implicitAuthentication(config, answer, nonce, { expectedState: state })
    assert.ok(claims.sub)
  })
}
