//! From one sphere to another: for each point of the target the nearest vertex of the source, or the
//! triangle that it lies in.

use gifti_surface::SurfaceMesh;

use super::Interpolation;
use super::weights::Weights;
use crate::Result;

/// How far outside of a triangle, as a share of its height, a point still counts as inside.
const MARGIN: f64 = 1e-6;

/// How many rings of triangles around the nearest vertex are looked at.
const RINGS: usize = 3;

/// The directions of the vertices from the centre, of length 1; the number of a vertex that lies in the
/// centre is the error.
pub(super) fn directions(mesh: &SurfaceMesh) -> Result<Vec<[f64; 3]>, usize> {
    let direction = |(vertex, point): (usize, &[f32; 3])| {
        let point = point.map(f64::from);
        let length = dot(point, point).sqrt();
        if length > 0.0 { Ok(point.map(|coordinate| coordinate / length)) } else { Err(vertex) }
    };
    mesh.vertices().iter().enumerate().map(direction).collect()
}

/// The weights from the vertices of `source`, whose directions are given, to those of the target.
pub(super) fn weights(
    source: &SurfaceMesh,
    from: &[[f64; 3]],
    to: &[[f64; 3]],
    interpolation: Interpolation,
) -> Result<Weights> {
    let points = Points::new(from);
    let mut weights = Weights::new(from.len());
    let mut entries = Vec::new();
    let triangles = match interpolation {
        Interpolation::Nearest => None,
        Interpolation::Linear => Some(Triangles::new(source, from)),
    };
    for &point in to {
        let nearest = points.nearest(point);
        match triangles.as_ref().and_then(|triangles| triangles.around(nearest, point)) {
            Some((corners, shares)) => entries.extend(corners.into_iter().zip(shares)),
            None => entries.push((nearest, 1.0)),
        }
        weights.push(&mut entries)?;
    }
    Ok(weights)
}

/// Points on the sphere in boxes of equal size, which is quick for points that lie evenly.
struct Points<'a> {
    points: &'a [[f64; 3]],
    /// Boxes along each axis.
    n: usize,
    /// Where the points of each box begin in `order`.
    starts: Vec<u32>,
    /// The points by box, ascending in each.
    order: Vec<u32>,
}

impl<'a> Points<'a> {
    fn new(points: &'a [[f64; 3]]) -> Self {
        // The sphere passes through about 5 n² boxes, so this makes some two points for each.
        let n = ((points.len() as f64 / 10.0).sqrt() as usize).clamp(1, 200);
        let place = |point: &[f64; 3]| {
            let [x, y, z] = point.map(|coordinate| of_axis(coordinate, n));
            (x * n + y) * n + z
        };
        let mut starts = vec![0_u32; n * n * n + 1];
        points.iter().for_each(|point| starts[place(point) + 1] += 1);
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        let (mut next, mut order) = (starts.clone(), vec![0; points.len()]);
        for (index, point) in (0..).zip(points) {
            let slot = &mut next[place(point)];
            order[*slot as usize] = index;
            *slot += 1;
        }
        Self { points, n, starts, order }
    }

    /// The nearest point; of several equally near ones the first.
    fn nearest(&self, point: [f64; 3]) -> u32 {
        let center = point.map(|coordinate| of_axis(coordinate, self.n));
        let width = 2.0 / self.n as f64;
        let mut best = (f64::INFINITY, 0);
        for reach in 0..self.n {
            // What lies beyond this shell of boxes is at least so far away.
            let least = (reach as f64 - 1.0).max(0.0) * width;
            if best.0 < least * least {
                break;
            }
            self.shell(center, reach, |index| {
                let other = self.points[index as usize];
                let apart = [0, 1, 2].map(|axis| other[axis] - point[axis]);
                let candidate = (dot(apart, apart), index);
                if candidate < best {
                    best = candidate;
                }
            });
        }
        best.1
    }

    /// The points of the boxes that are `reach` boxes away along at least one axis.
    fn shell(&self, [x, y, z]: [usize; 3], reach: usize, mut take: impl FnMut(u32)) {
        let span = |middle: usize| middle.saturating_sub(reach)..=(middle + reach).min(self.n - 1);
        for i in span(x) {
            for j in span(y) {
                let is_side = i.abs_diff(x) == reach || j.abs_diff(y) == reach;
                for k in span(z) {
                    if is_side || k.abs_diff(z) == reach {
                        let place = (i * self.n + j) * self.n + k;
                        let range = self.starts[place] as usize..self.starts[place + 1] as usize;
                        self.order[range].iter().copied().for_each(&mut take);
                    }
                }
            }
        }
    }
}

/// The box of a coordinate between -1 and 1.
fn of_axis(coordinate: f64, n: usize) -> usize {
    (((coordinate + 1.0) / 2.0 * n as f64).max(0.0) as usize).min(n - 1)
}

/// The triangles of a sphere, by vertex.
struct Triangles<'a> {
    triangles: &'a [[u32; 3]],
    points: &'a [[f64; 3]],
    /// Where the triangles of each vertex begin in `of_vertex`.
    starts: Vec<u32>,
    of_vertex: Vec<u32>,
}

impl<'a> Triangles<'a> {
    fn new(mesh: &'a SurfaceMesh, points: &'a [[f64; 3]]) -> Self {
        let triangles = mesh.triangles();
        let mut starts = vec![0_u32; points.len() + 1];
        triangles.iter().flatten().for_each(|corner| starts[*corner as usize + 1] += 1);
        for vertex in 1..starts.len() {
            starts[vertex] += starts[vertex - 1];
        }
        let (mut next, mut of_vertex) = (starts.clone(), vec![0; 3 * triangles.len()]);
        for (triangle, corners) in (0..).zip(triangles) {
            for corner in corners {
                let slot = &mut next[*corner as usize];
                of_vertex[*slot as usize] = triangle;
                *slot += 1;
            }
        }
        Self { triangles, points, starts, of_vertex }
    }

    fn of(&self, vertex: u32) -> &[u32] {
        let vertex = vertex as usize;
        &self.of_vertex[self.starts[vertex] as usize..self.starts[vertex + 1] as usize]
    }

    /// The triangle around a point near a vertex, and the share of each corner. A sphere may be folded,
    /// so that the point lies in no triangle nearby: then it is in none.
    fn around(&self, nearest: u32, point: [f64; 3]) -> Option<([u32; 3], [f64; 3])> {
        let mut ring = vec![nearest];
        let mut seen: Vec<u32> = Vec::new();
        for _ in 0..RINGS {
            let mut best: Option<(f64, u32, [f64; 3])> = None;
            let mut next = Vec::new();
            for &triangle in ring.iter().flat_map(|vertex| self.of(*vertex)) {
                if seen.contains(&triangle) {
                    continue;
                }
                seen.push(triangle);
                let corners = self.triangles[triangle as usize];
                next.extend(corners);
                let Some(shares) = shares(corners.map(|it| self.points[it as usize]), point) else {
                    continue;
                };
                let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
                if least >= -MARGIN && best.is_none_or(|(most, ..)| least > most) {
                    best = Some((least, triangle, shares));
                }
            }
            if let Some((_, triangle, shares)) = best {
                let shares = shares.map(|share| share.max(0.0));
                let sum: f64 = shares.iter().sum();
                return Some((self.triangles[triangle as usize], shares.map(|share| share / sum)));
            }
            next.sort_unstable();
            next.dedup();
            ring = next;
        }
        None
    }
}

/// The shares of the corners of a triangle at which the ray from the centre through the point meets its
/// plane; they sum up to 1. None when the triangle is seen from its edge, or lies on the other side.
fn shares([a, b, c]: [[f64; 3]; 3], point: [f64; 3]) -> Option<[f64; 3]> {
    let volumes = [dot(point, cross(b, c)), dot(point, cross(c, a)), dot(point, cross(a, b))];
    let sum: f64 = volumes.iter().sum();
    // A triangle that is folded over has the other sign throughout.
    let shares = volumes.map(|volume| volume / sum);
    let meets = shares[0] * dot(a, point) + shares[1] * dot(b, point) + shares[2] * dot(c, point);
    (shares.iter().all(|share| share.is_finite()) && meets > 0.0).then_some(shares)
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points spread over the sphere along a spiral.
    fn spiral(n: usize) -> Vec<[f64; 3]> {
        let golden = std::f64::consts::PI * (3.0 - 5.0_f64.sqrt());
        let point = |index: usize| {
            let z = 1.0 - (2.0 * index as f64 + 1.0) / n as f64;
            let (radius, angle) = ((1.0 - z * z).sqrt(), golden * index as f64);
            [radius * angle.cos(), radius * angle.sin(), z]
        };
        (0..n).map(point).collect()
    }

    fn octahedron() -> SurfaceMesh {
        let vertices = vec![
            [100.0, 0.0, 0.0],
            [-100.0, 0.0, 0.0],
            [0.0, 100.0, 0.0],
            [0.0, -100.0, 0.0],
            [0.0, 0.0, 100.0],
            [0.0, 0.0, -100.0],
        ];
        let triangles = vec![
            [0, 2, 4],
            [2, 1, 4],
            [1, 3, 4],
            [3, 0, 4],
            [2, 0, 5],
            [1, 2, 5],
            [3, 1, 5],
            [0, 3, 5],
        ];
        SurfaceMesh::new(vertices, triangles, None).unwrap()
    }

    #[test]
    fn the_nearest_point_is_that_of_a_search_through_all() {
        for n in [1, 2, 9, 60, 3000] {
            let points = spiral(n);
            let found = Points::new(&points);
            for query in spiral(777) {
                let apart = |index: u32| {
                    let other = points[index as usize];
                    let apart = [0, 1, 2].map(|axis| other[axis] - query[axis]);
                    dot(apart, apart)
                };
                let best = (0..n as u32).min_by(|a, b| apart(*a).total_cmp(&apart(*b))).unwrap();
                assert_eq!(found.nearest(query), best, "{n}");
            }
        }
        // All in one place: the first.
        assert_eq!(Points::new(&[[0.0, 0.0, 1.0]; 50]).nearest([1.0, 0.0, 0.0]), 0);
    }

    #[test]
    fn shares_reproduce_the_point() {
        let mesh = octahedron();
        let from = directions(&mesh).unwrap();
        let to = spiral(500);
        let weights = weights(&mesh, &from, &to, Interpolation::Linear).unwrap();
        for (target, point) in to.iter().enumerate() {
            let mut sum = [0.0; 3];
            let mut total = 0.0;
            for (source, share) in weights.of(target) {
                assert!(share >= 0.0);
                total += f64::from(share);
                for axis in 0..3 {
                    sum[axis] += f64::from(share) * from[source as usize][axis];
                }
            }
            assert!((total - 1.0).abs() < 1e-6);
            // Where the ray meets the plane of the triangle.
            let length = dot(sum, sum).sqrt();
            for axis in 0..3 {
                assert!((sum[axis] / length - point[axis]).abs() < 1e-6, "{point:?}: {sum:?}");
            }
        }
    }

    #[test]
    fn a_vertex_is_itself() {
        let mesh = octahedron();
        let from = directions(&mesh).unwrap();
        for interpolation in [Interpolation::Linear, Interpolation::Nearest] {
            let weights = weights(&mesh, &from, &from, interpolation).unwrap();
            for target in 0..6 {
                let entries: Vec<_> = weights.of(target).collect();
                assert_eq!(entries, [(target as u32, 1.0)], "{interpolation}");
            }
        }
    }

    #[test]
    fn a_point_in_no_triangle_takes_the_nearest_vertex() {
        // Only the upper half of the sphere is covered.
        let whole = octahedron();
        let upper = whole.triangles()[..4].to_vec();
        let mesh = SurfaceMesh::new(whole.vertices().to_vec(), upper, None).unwrap();
        let from = directions(&mesh).unwrap();
        let below = [[0.1, 0.2, -(1.0_f64 - 0.05).sqrt()]];
        let weights = weights(&mesh, &from, &below, Interpolation::Linear).unwrap();
        assert_eq!(weights.of(0).collect::<Vec<_>>(), [(5, 1.0)]);
    }

    #[test]
    fn a_vertex_in_the_centre_has_no_direction() {
        let mesh = SurfaceMesh::new(vec![[1.0, 0.0, 0.0], [0.0; 3]], vec![[0, 1, 0]], None);
        assert_eq!(directions(&mesh.unwrap()), Err(1));
    }
}
