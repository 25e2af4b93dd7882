/** Starts the page. */

import { type About, json, type SubjectLine } from './api'
import { App, showEnd } from './app'

try {
  const [about, subjects] = await Promise.all([json<About>('/about'), json<SubjectLine[]>('/subjects')])
  new App(about, subjects).start()
} catch (error) {
  showEnd(error)
}
