/** The trials of a subject as typed columns, with what a search of images needs. */

import type { TrialColumns } from './api'

export class Trials {
  readonly rows: number
  readonly session: Uint16Array
  readonly trial: Uint32Array
  /** From 1; 0 where the table has none. */
  readonly run: Uint16Array
  /** Which showing of its image a trial is, from 1. */
  readonly repetition: Uint16Array
  readonly image: Uint32Array
  readonly sessions: readonly string[]
  readonly images: readonly string[]
  readonly shared: readonly boolean[]
  /** Per image, an index into `datasets`. */
  readonly dataset: readonly number[]
  readonly datasets: readonly string[]
  /** Per image, indices into `nouns`. */
  readonly objects: readonly (readonly number[])[]
  readonly nouns: readonly string[]
  readonly captions: readonly (string | null)[]
  private texts: string[] | null = null
  private byName: Map<string, number> | null = null
  private firstRows: Map<number, number> | null = null

  constructor(columns: TrialColumns) {
    this.rows = columns.rows
    this.session = Uint16Array.from(columns.session)
    this.trial = Uint32Array.from(columns.trial)
    this.run = Uint16Array.from(columns.run, (run) => run ?? 0)
    this.repetition = Uint16Array.from(columns.repetition, (before) => before + 1)
    this.image = Uint32Array.from(columns.image)
    this.sessions = columns.sessions
    this.images = columns.images
    // The columns say it for each trial; it is the same for all trials of an image.
    const shared = new Array<boolean>(columns.images.length).fill(false)
    const dataset = new Array<number>(columns.images.length).fill(-1)
    columns.image.forEach((image, row) => {
      shared[image] = columns.shared[row] === true
      dataset[image] = columns.dataset[row] ?? -1
    })
    this.shared = shared
    this.dataset = dataset
    this.datasets = columns.datasets
    this.objects = columns.image_nouns
    this.nouns = columns.nouns
    this.captions = columns.captions
  }

  /** The name of the image of a row. */
  imageOf(row: number): string {
    return this.images[this.image[row] ?? 0] ?? ''
  }

  sessionOf(row: number): string {
    return this.sessions[this.session[row] ?? 0] ?? ''
  }

  /** The first object of an image. */
  nounOf(image: number): string {
    return this.nouns[this.objects[image]?.[0] ?? -1] ?? ''
  }

  /** All objects of an image. */
  nounsOf(image: number): string[] {
    return (this.objects[image] ?? []).map((noun) => this.nouns[noun] ?? '')
  }

  datasetOf(image: number): string {
    return this.datasets[this.dataset[image] ?? -1] ?? ''
  }

  /** The index of an image by its name, or -1. */
  imageNamed(name: string): number {
    this.byName ??= new Map(this.images.map((image, index) => [image, index]))
    return this.byName.get(name) ?? -1
  }

  /** The row of a trial, or -1. */
  find(session: string, trial: number): number {
    const first = this.firstOf(session)
    if (first < 0 || trial < 0) return -1
    // The rows of a session follow each other in the order of its trials.
    const row = first + trial
    return row < this.rows && this.sessionOf(row) === session && this.trial[row] === trial ? row : -1
  }

  /** The first row that showed an image, or -1. */
  firstRowOf(image: number): number {
    if (!this.firstRows) {
      this.firstRows = new Map()
      for (let row = this.rows - 1; row >= 0; row--) this.firstRows.set(this.image[row]!, row)
    }
    return this.firstRows.get(image) ?? -1
  }

  /** How many trials showed an image. */
  timesShown(image: number): number {
    let times = 0
    for (let row = 0; row < this.rows; row++) if (this.image[row] === image) times++
    return times
  }

  /** How many trials a session has. */
  countOf(session: string): number {
    const index = this.sessions.indexOf(session)
    let count = 0
    for (let row = 0; row < this.rows; row++) if (this.session[row] === index) count++
    return count
  }

  /** Per image: its name, nouns and captions in lower case, for words. */
  searched(): readonly string[] {
    this.texts ??= this.images.map((name, image) =>
      `${name}\n${this.nounsOf(image).join('\n')}\n${this.captions[image] ?? ''}`.toLowerCase(),
    )
    return this.texts
  }

  /** Prepares what the first search would wait for. */
  warm(): void {
    this.searched()
    this.firstRowOf(0)
  }

  private firstOf(session: string): number {
    const index = this.sessions.indexOf(session)
    return index < 0 ? -1 : this.session.indexOf(index)
  }
}
