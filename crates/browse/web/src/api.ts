/** The questions that the page asks the server, and the shapes of its answers. */

export type Rgb = [number, number, number]
export type Ijk = [number, number, number]

export interface About {
  version: string
  licences: string
  data_dir: string
  /** 256 colours each, from the lowest value to the highest. */
  colormaps: Record<string, Rgb[]>
}

export interface SubjectLine {
  id: string
  sessions: number
  anatomy: boolean
}

export interface MapInfo {
  id: string
  label: string
  unit: string
  diverging: boolean
}

export interface Absent {
  what: string
  command: string | null
}

export interface RoiLine {
  name: string
  category: string
  voxels: number | null
}

export interface Subject {
  id: string
  /** Changes with the files of the subject. */
  state: string
  /** Null without a brain mask on disk. */
  shape: [number, number, number] | null
  sessions: { id: string; trials: number; betas: boolean; held_out: boolean; problem?: Absent | null }[]
  absent: Absent[]
  anatomies: { id: string; label: string }[]
  maps: MapInfo[]
  rois: RoiLine[]
  stimuli: {
    images: boolean
    captions: boolean
    embeddings: string[]
    masks: boolean
    absent?: Absent[]
    embeddings_absent?: Absent | null
    sentence?: string | null
    command?: string | null
  }
  splits: string[]
}

/** The trials of all sessions of a subject that are on disk, by column: a value for each trial. */
export interface TrialColumns {
  rows: number
  session: number[]
  sessions: string[]
  trial: number[]
  run: (number | null)[]
  /** Which showing of its image a trial is, from 0. */
  repetition: number[]
  image: number[]
  /** Each image once. */
  images: string[]
  shared: boolean[]
  dataset: number[]
  datasets: string[]
  nouns: string[]
  /** For each image its objects. */
  image_nouns: number[][]
  /** For each image; several are on lines of their own. */
  captions: (string | null)[]
}

export interface SplitSides {
  side: number[]
  sides: string[]
}

export interface Voxel {
  ijk: Ijk
  mm: [number, number, number]
  in_brain: boolean
  rois: string[]
  maps: Record<string, number | null>
  responses: 'store' | 'absent'
  command?: string | null
  sentence?: string | null
}

export interface ImageInfo {
  name: string
  dataset: string | null
  shared: boolean
  noun: string | null
  captions: string[]
  subjects: { id: string; rows: number[] }[]
  masks: { index: number; label: string; localized: boolean }[]
  /** Why the pixels of the masks cannot be shown. */
  masks_absent?: Absent | null
  pixels: boolean
  sentence?: string | null
  command?: string | null
  notice: string
}

export interface Near {
  name: string
  similarity: number
}

/** A question that was refused, with what would help. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly hint: string | null,
  ) {
    super(message)
  }
}

/** Asks for a path below `/api`, and returns the answer if it is a good one. */
export async function ask(path: string, signal?: AbortSignal): Promise<Response> {
  let response: Response
  try {
    response = await fetch(`/api${path}`, { credentials: 'same-origin', signal: signal ?? null })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Refusal(0, 'The server does not answer. Has `laion-fmri browse` ended?', null)
  }
  if (response.ok) return response
  let message = `The server answered ${response.status} for ${path}.`
  let hint: string | null = null
  try {
    const body = (await response.json()) as { error?: string; hint?: string | null }
    message = body.error ?? message
    hint = body.hint ?? null
  } catch {
    // The answer is not JSON; the status says enough.
  }
  throw new Refusal(response.status, message, hint)
}

/** The answer as JSON. */
export async function json<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await ask(path, signal)).json()) as T
}

/** The answer as bytes. */
export async function bytes(path: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  return (await ask(path, signal)).arrayBuffer()
}

/** The path below a subject. */
export function ofSubject(subject: string, rest = ''): string {
  return `/subjects/${encodeURIComponent(subject)}${rest}`
}

/** The path below an image. */
export function ofImage(name: string, rest = ''): string {
  return `/images/${encodeURIComponent(name)}${rest}`
}

/** The address of an image's pixels, for an `img` element. */
export function pixels(name: string): string {
  return `/api${ofImage(name, '/pixels')}`
}
