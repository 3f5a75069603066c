/** Ids of the playground's elements begin with this. */
export const ID = "genac-playground";
/** Id of the element that carries the setup as JSON. */
export const SETUP_ELEMENT = `${ID}-setup`;
/** Id of the element that carries the models' weights. */
export const WEIGHTS_ELEMENT = `${ID}-data`;
