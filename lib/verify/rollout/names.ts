/** Ids of the rollout's elements begin with this. */
export const ID = "genac-rollout";
/** Id of the element that carries the rollouts as JSON. */
export const DATA_ELEMENT = `${ID}-data`;
