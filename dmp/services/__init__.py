"""Every write of the consultation room, and every act that the DMP is asked for.

Nothing here raises to a page for what the DMP says or does not: results carry a state and a sentence.
"""

from dmp.services.notice import notice_accept as notice_accept
from dmp.services.status import patient_forget as patient_forget
from dmp.services.status import status_refresh as status_refresh
from dmp.services.status import statuses_drop as statuses_drop
