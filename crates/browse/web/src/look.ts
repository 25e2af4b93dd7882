/** From where one looks at the surface, and how keys change it. */

export interface Look {
  /** Degrees. */
  azimuth: number
  elevation: number
  /** How large it is; 1 at first. */
  zoom: number
}

/** From behind and a little below, where the visual cortex is. */
export const FIRST: Look = { azimuth: 0, elevation: -15, zoom: 1 }

/** Degrees of one key press. */
const STEP = 10
const FACTOR = 1.15
const [SMALLEST, LARGEST] = [0.5, 4]

/** The look after a key, as if the surface was dragged by it; null for a key that means nothing here. */
export function turned(look: Look, key: string): Look | null {
  const { azimuth, elevation, zoom } = look
  switch (key) {
    case 'ArrowLeft':
      return { ...look, azimuth: around(azimuth - STEP) }
    case 'ArrowRight':
      return { ...look, azimuth: around(azimuth + STEP) }
    case 'ArrowUp':
      return { ...look, elevation: Math.max(elevation - STEP, -90) }
    case 'ArrowDown':
      return { ...look, elevation: Math.min(elevation + STEP, 90) }
    // On many keyboards `+` is typed with Shift; without it the same key is `=`.
    case '+':
    case '=':
      return { ...look, zoom: Math.min(zoom * FACTOR, LARGEST) }
    case '-':
      return { ...look, zoom: Math.max(zoom / FACTOR, SMALLEST) }
    case '0':
      return FIRST
    default:
      return null
  }
}

/** An angle from 0 to 360. */
function around(degrees: number): number {
  return ((degrees % 360) + 360) % 360
}
