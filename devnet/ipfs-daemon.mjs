// An IPFS node with the HTTP RPC API of Kubo, for the development network: it listens on loopback only and finds
// no peers by itself. Nodes that are to exchange blocks are connected explicitly, by `swarm/connect`.
//
//   node ipfs-daemon.mjs --repo FOLDER --api-port 5001 --swarm-port 4001
//
// Prints one line `ready <API multiaddr> <swarm multiaddr>` once it serves; stops on SIGTERM or SIGINT.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { create } from 'ipfs-core'
import { HttpApi } from 'ipfs-http-server'

const USAGE = 'Usage: ipfs-daemon.mjs --repo FOLDER --api-port PORT --swarm-port PORT'

function readArguments() {
  const option = { type: 'string' }
  const { values } = parseArgs({ options: { repo: option, 'api-port': option, 'swarm-port': option } })
  if (!values.repo) throw new TypeError('--repo is missing')
  for (const name of ['api-port', 'swarm-port']) {
    if (!/^[1-9]\d{0,4}$/.test(values[name] ?? '') || values[name] > 65535) {
      throw new TypeError(`--${name} needs a port from 1 to 65535`)
    }
  }
  return { repo: values.repo, apiPort: values['api-port'], swarmPort: values['swarm-port'] }
}

// A daemon that was killed leaves its lock behind, which counts as abandoned when it was not renewed for 20 s.
// One failed `create` spoils every later one in the same process, so the wait comes before the first.
const ABANDONED_AFTER_MS = 20_000

async function waitForAbandonedLock(repo) {
  const renewed = async () => (await stat(join(repo, 'repo.lock')).catch(() => undefined))?.mtimeMs
  const first = await renewed()
  if (first === undefined || Date.now() - first > ABANDONED_AFTER_MS) return
  console.error('ipfs-daemon: the repository is locked; waiting up to 20 s in case its daemon was killed')
  while (Date.now() - first <= ABANDONED_AFTER_MS) {
    await sleep(250)
    const latest = await renewed()
    if (latest === undefined || latest !== first) return
  }
}

function configuration({ apiPort, swarmPort }) {
  return {
    Addresses: {
      API: `/ip4/127.0.0.1/tcp/${apiPort}`,
      Delegates: [],
      Gateway: '',
      Swarm: [`/ip4/127.0.0.1/tcp/${swarmPort}`],
    },
    Bootstrap: [],
    Discovery: { MDNS: { Enabled: false }, webRTCStar: { Enabled: false } },
    Routing: { Type: 'none' },
    Swarm: { DisableNatPortMap: true },
  }
}

async function serve(settings) {
  await waitForAbandonedLock(settings.repo)
  const ipfs = await create({
    config: configuration(settings),
    init: { algorithm: 'Ed25519', emptyRepo: true },
    preload: { enabled: false },
    repo: settings.repo,
    silent: true,
  })
  const api = new HttpApi(ipfs)
  await api.start()
  const { id } = await ipfs.id()
  console.log(
    `ready /ip4/127.0.0.1/tcp/${settings.apiPort} /ip4/127.0.0.1/tcp/${settings.swarmPort}/p2p/${id}`,
  )
  return async () => {
    await api.stop()
    await ipfs.stop()
  }
}

function sentence(error, { repo, apiPort, swarmPort }) {
  const text = String(error?.message ?? error)
  if (/EADDRINUSE|no valid addresses|ERR_NO_VALID_ADDRESSES/.test(`${text} ${error?.code}`)) {
    return `Port ${apiPort} or ${swarmPort} is in use: stop what listens there or choose other ports.`
  }
  if (/lock/i.test(`${text} ${error?.code}`)) {
    return `The repository ${repo} is in use by another daemon: stop it or name another repository.`
  }
  return `The IPFS daemon could not start: ${text}`
}

let settings
try {
  settings = readArguments()
} catch (error) {
  console.error(`${error.message}\n${USAGE}`)
  process.exit(2)
}

// Without this, one `cat` of a missing block that runs into its time limit ends the whole daemon.
process.on('unhandledRejection', (reason) => console.error(`ipfs-daemon: ${reason?.message ?? reason}`))

let stopping = false
let started
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    if (stopping) return
    stopping = true
    // A signal during the start waits for its end, so that the repository's lock is given back.
    const stop = await started
    await stop?.()
    process.exit(0)
  })
}

started = serve(settings).catch((error) => {
  console.error(sentence(error, settings))
  process.exit(1)
})
