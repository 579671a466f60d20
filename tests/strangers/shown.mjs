// What a person would print of a client's error.
export const shown = ({ status, code, message }) => ({ status, code, message });
