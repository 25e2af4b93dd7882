// Bundles the page into dist/, with the licences of what is inside. `--test` runs the unit tests.
import { build } from 'esbuild'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const dist = join(here, 'dist')
const standard = createRequire(import.meta.url)('spdx-license-list/full.js')

/** The bytes that the page may have. */
const LIMIT = 4_000_000

if (process.argv.includes('--test')) {
  await test()
} else {
  await bundle()
}

async function bundle() {
  rmSync(dist, { recursive: true, force: true })
  mkdirSync(dist, { recursive: true })
  const result = await build({
    absWorkingDir: here,
    entryPoints: { page: 'src/main.ts' },
    outdir: dist,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  })
  for (const file of ['index.html', 'style.css', 'icon.svg']) {
    cpSync(join(here, file), join(dist, file))
  }
  writeFileSync(join(dist, 'licences.txt'), licences(Object.keys(result.metafile.inputs)))
  const files = readdirSync(dist).map((name) => [name, statSync(join(dist, name)).size])
  const total = files.reduce((sum, [, size]) => sum + size, 0)
  for (const [name, size] of files) {
    console.log(`${name}: ${size.toLocaleString('en')} bytes`)
  }
  console.log(`page: ${total.toLocaleString('en')} bytes, limit ${LIMIT.toLocaleString('en')}`)
  if (total > LIMIT) {
    console.error('the page is heavier than its limit')
    process.exit(1)
  }
}

/** The licences of the packages that the bundle was made from, each with its text. */
function licences(inputs) {
  const folders = new Set()
  for (const input of inputs) {
    const found = input.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//)
    if (found) folders.add(found[1])
  }
  // What NiiVue needs may already be inside its own bundle, where its file names are lost.
  const names = [...folders].flatMap((folder) => [folder, ...needs(folder)])
  const parts = [...new Set(names)].sort().map((folder) => {
    const about = JSON.parse(readFileSync(join(here, folder, 'package.json'), 'utf8'))
    const home = typeof about.repository === 'string' ? about.repository : about.repository?.url ?? about.homepage ?? ''
    return `${about.name} ${about.version}\n${home}\nLicence: ${about.license}\n\n${text(folder, about)}`
  })
  return parts.join(`\n\n${'-'.repeat(80)}\n\n`) + '\n'
}

/** The folders of everything that a package depends on. */
function needs(folder, seen = new Set()) {
  const about = JSON.parse(readFileSync(join(here, folder, 'package.json'), 'utf8'))
  for (const name of Object.keys(about.dependencies ?? {})) {
    const nested = join(folder, 'node_modules', name)
    const place = existsSync(join(here, nested)) ? nested : join('node_modules', name)
    if (!seen.has(place) && existsSync(join(here, place))) {
      seen.add(place)
      needs(place, seen)
    }
  }
  return [...seen]
}

/** The licence file of a package; without one, the standard text and the names of its authors. */
function text(folder, about) {
  const file = readdirSync(join(here, folder)).find((name) => /^(licen[cs]e|copying)/i.test(name))
  if (file) return readFileSync(join(here, folder, file), 'utf8').trim()
  const known = standard[about.license]
  if (!known) throw new Error(`${about.name}: no licence file, and no standard text of ${about.license}`)
  const author = typeof about.author === 'string' ? about.author : about.author?.name ?? `the authors of ${about.name}`
  return `Copyright (c) ${author}\n\n${known.licenseText.trim()}`
}

async function test() {
  const out = join(here, 'node_modules', '.test')
  rmSync(out, { recursive: true, force: true })
  const names = readdirSync(join(here, 'test')).filter((name) => name.endsWith('.test.ts'))
  await build({
    absWorkingDir: here,
    entryPoints: names.map((name) => join('test', name)),
    outdir: out,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'warning',
  })
  const built = readdirSync(out).map((name) => join(out, name))
  const run = spawnSync(process.execPath, ['--test', '--test-reporter=spec', ...built], { stdio: 'inherit' })
  process.exit(run.status ?? 1)
}
