"""INS: matricule and its key, strict traits of identity, datamatrix « INS à scanner »."""
