/** Comparing calls: what they cost over several roads, and two of them member by member. */

export { compareView } from "./columns.js";
export { diffView } from "./lens.js";
