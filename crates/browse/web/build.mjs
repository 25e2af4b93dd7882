// Bundles the page into dist/, with the licences of what is inside. `--test` runs the unit tests.
import { build } from 'esbuild'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const here = dirname(fileURLToPath(import.meta.url))
const dist = join(here, 'dist')
const standard = createRequire(import.meta.url)('spdx-license-list/full.js')

/** The bytes that the page may have, before they are compressed. */
const LIMIT = 4_000_000

/** Larger files are kept compressed, as browsers take them. */
const SMALL = 100_000

if (process.argv.includes('--test')) {
  await test()
} else {
  await bundle()
}

async function bundle() {
  const result = await build({
    absWorkingDir: here,
    entryPoints: { page: 'src/main.ts' },
    outdir: dist,
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  })
  const files = new Map(result.outputFiles.map((file) => [basename(file.path), Buffer.from(file.contents)]))
  for (const name of ['index.html', 'style.css', 'icon.svg']) files.set(name, readFileSync(join(here, name)))
  files.set('licences.txt', Buffer.from(licences(Object.keys(result.metafile.inputs))))
  mkdirSync(dist, { recursive: true })
  let total = 0
  for (const [name, bytes] of [...files]) {
    total += bytes.length
    if (bytes.length <= SMALL) continue
    files.delete(name)
    files.set(`${name}.gz`, gzipSync(bytes, { level: 9 }))
  }
  for (const name of readdirSync(dist)) if (!files.has(name)) rmSync(join(dist, name), { recursive: true })
  for (const [name, bytes] of files) {
    const path = join(dist, name)
    // A file that is the same keeps its time, so that the program is not built again for it.
    if (!existsSync(path) || !readFileSync(path).equals(bytes)) writeFileSync(path, bytes)
    console.log(`${name}: ${bytes.length.toLocaleString('en')} bytes`)
  }
  console.log(`page, not compressed: ${total.toLocaleString('en')} bytes, limit ${LIMIT.toLocaleString('en')}`)
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
  const counts = { passed: 0, failed: 0 }
  const stream = run({ files: readdirSync(out).map((name) => join(out, name)) })
  stream.on('test:pass', () => counts.passed++)
  stream.on('test:fail', () => counts.failed++)
  const isOver = new Promise((resolve) => stream.once('end', resolve))
  stream.compose(spec).pipe(process.stdout)
  await isOver
  const isGood = counts.passed > 0 && counts.failed === 0
  process.exitCode = isGood ? 0 : 1
  // As Rust's own test runner sums up.
  process.once('exit', () => console.log(`test result: ${isGood ? 'ok' : 'FAILED'}. ${counts.passed} passed; ${counts.failed} failed; 0 ignored`))
}
