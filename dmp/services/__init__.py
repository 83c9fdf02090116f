"""Every write of the consultation room, and every act that the DMP is asked for.

Nothing here raises to a page for what the DMP says or does not: results carry a state and a sentence.
"""

from dmp.services.checking import known_check as known_check
from dmp.services.checking import local_check as local_check
from dmp.services.news import news_known as news_known
from dmp.services.news import news_refresh as news_refresh
from dmp.services.news import news_seen as news_seen
from dmp.services.notice import notice_accept as notice_accept
from dmp.services.presets import preset_delete as preset_delete
from dmp.services.presets import preset_save as preset_save
from dmp.services.retrieving import document_open as document_open
from dmp.services.retrieving import document_reopen as document_reopen
from dmp.services.retrieving import documents_integrate as documents_integrate
from dmp.services.retrieving import summary_of as summary_of
from dmp.services.searching import documents_search as documents_search
from dmp.services.status import patient_forget as patient_forget
from dmp.services.status import status_refresh as status_refresh
from dmp.services.status import statuses_drop as statuses_drop
from dmp.services.visibility import visibility_change as visibility_change
