/** The messages that are sent to and fro. */
export const textOf = (index, count) => `Message ${index + 1} of ${count}, about as long as people write.`;
